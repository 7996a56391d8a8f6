// Package speed knows what a speed test is made of: what a machine can do by
// itself ([Measure]), the [Report] of a test, and what it says of the path
// ([Report.Judge], [Report.WriteTable], [Report.Chart]). The bytes between two
// machines are moved above.
//
// Sizes are in bytes, rates in bytes a second, times in seconds, all as
// float64 where they are measured. Names in a report are a stranger's, and not
// escaped.
package speed
