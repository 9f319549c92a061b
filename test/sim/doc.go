// Package sim is what simulated releases in tests are of, and what they draw from. It never
// reads a clock, and the same source gives the same draws.
package sim
