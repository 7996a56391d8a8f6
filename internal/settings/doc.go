// Package settings is what a user has decided once and for all: one file in
// TOML, each key of which is also an environment variable and a flag.
//
// What is said nearer to the command counts: a flag before the environment,
// that before the file, that before the default. A variable that is empty is
// one that is not set.
//
// table.go has the keys, and all else is made of it: flags, help, completion,
// what is shown, what is checked, the manual pages. The table in
// docs/settings.md is compared with it by a test.
//
// Nothing wrong is passed over: a key that does not exist, a value that cannot
// be and what is not TOML are [Mistakes], each with its line. The package
// neither writes the file nor watches it.
package settings
