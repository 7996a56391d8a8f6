// Package records measures what larger records would bring than the 16 KiB that
// TLS allows: AES-128-GCM over the same connection, with keys from TLS's exporter
// (RFC 8446, section 7.5), beside the TLS that the product uses.
//
//	go test -run '^$' -bench . -count 5 ./bench/records
//
// It is no part of the product, and only tests: docs/design.md has what was found.
package records
