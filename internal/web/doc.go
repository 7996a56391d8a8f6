// Package web is how a running node is asked for things over HTTP: what it
// transfers, to pause or to cancel it, to answer an offer, and what happens as it
// happens, as server-sent events.
//
// Commands of the same user ask over a unix socket in the state folder, which
// nobody else may open. The page asks over a port of its own, where anybody may
// ask: a guard refuses what does not come from the page itself, and a door lets
// through who is signed in.
package web
