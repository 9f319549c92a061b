package record

import "time"

// A Message is a word to the team, key "outbox/<id>", committed with the step it
// tells of and sent at least once.
type Message struct {
	Schema    int       `json:"schema"`
	ID        string    `json:"id"` // <incident>-<kind>[-n]: stable across retries
	Service   string    `json:"service"`
	Region    string    `json:"region"`
	Incident  string    `json:"incident"`
	Kind      string    `json:"kind"` // "opened", "approval", "acted", "held", "frozen", "verdict", …
	Page      bool      `json:"page"` // a human must look now
	Title     string    `json:"title"`
	Text      string    `json:"text"`
	Approval  string    `json:"approval,omitempty"` // id: the sender adds the signed link
	StartsAt  time.Time `json:"starts_at"`          // of the incident
	EndsAt    time.Time `json:"ends_at,omitzero"`   // set once it is over
	Ends      []string  `json:"ends,omitempty"`     // the kinds of earlier messages with a page of their own that is over with this one
	CreatedAt time.Time `json:"created_at"`
	Anchor    Anchor    `json:"anchor,omitzero"` // the journal's head when this was committed

	Number     int                 `json:"number,omitempty"`     // of the incident's messages, from 1
	Thread     Thread              `json:"thread,omitzero"`      // the incident's first message; zero: this is it
	Deliveries map[string]Delivery `json:"deliveries,omitempty"` // by sink
}

// A Thread is what messages belong to: its first message's id and title.
type Thread struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// A Delivery is a message at one sink. The sink takes it once, and no other waits for it.
type Delivery struct {
	ClaimedBy    string    `json:"claimed_by,omitempty"` // the replica that sends it
	ClaimedUntil time.Time `json:"claimed_until,omitzero"`
	Attempts     int       `json:"attempts,omitempty"`
	TakenAt      time.Time `json:"taken_at,omitzero"` // zero: the sink does not have it
	Who          string    `json:"who,omitempty"`     // has it, in words
	GaveUp       string    `json:"gave_up,omitempty"` // why the sink never gets it
}

// Over reports that nothing more is tried: the sink has it, or never gets it.
func (d Delivery) Over() bool { return !d.TakenAt.IsZero() || d.GaveUp != "" }
