package view

import "github.com/autorollback/autorollback/record"

// A Preview is what an order would do at this moment. Nothing is done.
type Preview struct {
	record.Intent
	Service string
	Region  string
	Release record.Release
	Change  record.Change // without keys: none of the router's changes
	Plan    string        // digest of all that a yes is about
	Refused string        // why it would be refused; empty: it would be carried out
	Second  string        // what waits for a second person once it is ordered; empty: it takes one
}
