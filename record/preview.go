package record

// An Intent is what somebody wants to order of a target. Plan is the digest of what they were shown: if
// something else would be done by now, nothing is. Empty: they were shown nothing.
type Intent struct {
	Action OrderAction
	Reason string
	Plan   string
}

// A Preview is what an order would do at this moment. Nothing is done.
type Preview struct {
	Intent
	Service string
	Region  string
	Release Release
	Change  Change // without keys: none of the router's changes
	Plan    string // digest of all that a yes is about
	Refused string // why it would be refused; empty: it would be carried out
	Second  string // what waits for a second person once it is ordered; empty: it takes one
}
