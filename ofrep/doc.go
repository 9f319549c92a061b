// Package ofrep serves the flag documents of every version by the OpenFeature Remote Evaluation
// Protocol, and as documents for flagd and go-feature-flag: a machine's listener, with a bearer
// token and no human's login. It answers from memory, which a watch keeps up to date.
//
// It never writes, never asks the store for a request, never decides what a flag is (the
// documents say it), and never answers with documents that it could not read again lately
// without saying so.
package ofrep
