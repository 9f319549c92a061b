// Package api is the daemon's JSON API as a program sees it: its path, the form of its answers, the bodies
// of orders, and a [Client]. What an answer holds is in the packages record and view. docs/openapi.yaml
// describes the same for other languages.
//
// It never listens, never decides, and imports nothing of the daemon.
package api

// Path is where the API lives, below the daemon's address.
const Path = "/api/v1"
