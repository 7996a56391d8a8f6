// Demo sends a film from one process to another, with one stream and with as
// many as help, over loopback and over an emulated Wi-Fi link, checks what
// arrived, and prints what the streams gained.
//
//	make demo
//
// It drives the built binary. It runs on Linux, since the link does.
package main
