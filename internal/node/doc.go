// Package node is the application: it sends and receives shares, over what the
// packages below it do. The command line sits on it and on nothing below it.
//
// It neither prints nor asks: what happens goes out as events, and what a
// person must decide is asked through a function that the caller hands in.
package node
