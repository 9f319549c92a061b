package record

// Status is the whole installation at one moment, for people.
type Status struct {
	Control    Control         `json:"control"`
	Budget     Budget          `json:"budget"`
	Releases   []Release       `json:"releases"`
	Incidents  []Incident      `json:"incidents"` // newest first, at most 100
	Approvals  []Approval      `json:"approvals"` // pending ones
	Waiting    []WaitingOrder  `json:"waiting"`   // orders that wait for a second person
	Quarantine []Quarantine    `json:"quarantine"`
	Shadow     []ShadowVerdict `json:"shadow"`             // the newest recorded verdict of each candidate bundle
	Rules      []RulesCheck    `json:"rules"`              // of each service, as the process that answers saw them last
	Mirrors    []Mirror        `json:"mirrors"`            // the newest of each service and region
	Alerts     []AlertResult   `json:"alerts"`             // the newest, as the process that answers saw them; at most 50
	Replica    string          `json:"replica"`            // whose journal the process that answers writes
	Anchors    []Anchor        `json:"anchors"`            // the newest heads of all replicas' journals
	Behind     []Behind        `json:"behind,omitempty"`   // targets whose store went back in time
	Lost       []LostRegion    `json:"lost,omitempty"`     // regions of which nothing here is new: their stores do not answer
	Progress   []Progress      `json:"progress,omitempty"` // of releases through several regions
}

// A LostRegion is one of which nothing could be read.
type LostRegion struct {
	Region  string `json:"region"`
	Problem string `json:"problem"`
}
