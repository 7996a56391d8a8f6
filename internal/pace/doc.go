// Package pace lets the bytes of transfers that run at once through, so that
// they keep to a limit together and each has a fair part of what there is.
//
//	up := pace.New(0)
//	lane := up.Lane() // one for each transfer
//	err := lane.Wait(ctx, len(piece)) // before each piece is sent, or after it came
//	up.SetLimit(5e6) // at any time
//
// Lanes take turns by bytes: whoever opens more connections gets no more. What a
// lane does not use is the others'. Where no limit is set, lanes may still be in
// each other's way, on a link or a processor, and TCP shares that by connections
// or by chance; what that looks like, and what is done about it, stands at
// [balance].
//
// Everything here is safe at any time from any goroutine. Nothing is to be
// closed: a lane over which nothing goes is forgotten.
package pace
