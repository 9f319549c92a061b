// Package regions makes one of the engines of all regions: it reads the stores of all of them for
// each, hands every alert and order to the region that it is about, and says of all of them how
// they stand, naming those that do not answer.
//
// It never writes to two stores in one step and never decides: what a region does is decided and
// committed by its own engine, in its own store.
package regions
