// Package actuators has a codec for each kind of router: it turns a wanted split and
// the flags of the bundles into the exact keys that the router and the model servers
// read, and back. A plan is a list of checked operations for one transaction: every
// key it writes, and every key it relies on, must still be as it was read.
//
// It never writes, never deletes a key, never guesses at a shape it does not know,
// and never leaves a tree without traffic. What would make the router ignore us is
// reported as a [Hazard] and stops nothing.
package actuators
