// Package store keeps what a node remembers in one SQLite database in its state
// folder: the transfers that ended, the devices they were with and those that
// are trusted, and how many streams served best.
//
// Guarantees: several processes may use the database at the same time. One that
// is damaged is set aside, never removed, and a new one begun. One that a newer
// version wrote is refused and stays as it is. Before a database is brought to
// a newer form a copy of it is kept beside it.
//
// Nothing here is needed to move files: whoever uses it goes on without when it
// fails.
package store
