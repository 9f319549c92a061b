package view

// A FollowUp is what comes after an incident, as files for people to edit.
type FollowUp struct {
	Incident string            `json:"incident"`
	Kept     string            `json:"kept,omitempty"` // the evidence folder that has them; empty: they were made now
	Files    map[string]string `json:"files"`          // by name
}
