// Package e2e tests the built command between machines: two or more processes
// on hosts of an emulated network, whose links are slow, lossy or cut, and
// which are killed at any moment.
package e2e
