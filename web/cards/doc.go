// Package cards says how each service stands in each region, for people: its state in words, its
// traffic, its ramp, its triggers, and what can be ordered. It is pure.
//
// It never decides: whether an order is refused says the policy. It never asks anybody, and it never
// writes HTML.
package cards
