//go:build !faultpoint

package daemon

// faultPoint is nothing in a normal build. See fault_on.go.
var faultPoint func(string)
