package runbook

// Launch is a parsed release file: what `release start -f` asks for.
type Launch struct {
	Schema    int        `yaml:"schema" json:"schema"`
	Service   string     `yaml:"service" json:"service"`
	Region    string     `yaml:"region" json:"region"` // default DefaultRegion
	Weight    int        `yaml:"weight" json:"weight"` // candidate's first weight, 0..100
	Stable    LaunchSide `yaml:"stable" json:"stable"`
	Candidate LaunchSide `yaml:"candidate" json:"candidate"`
	// StableNotProved is why the stable side need not be the last known good; it comes
	// from whoever starts the release, never from the file. Empty: it must be.
	StableNotProved string `yaml:"-" json:"-"`
	// Safer asks for the ramp that [Rollout.Safer] drafts from the last incident. It
	// comes from whoever starts the release as well.
	Safer bool `yaml:"-" json:"-"`
}

// LaunchSide is one side of a launch with its whole bundle.
type LaunchSide struct {
	Version string `yaml:"version" json:"version"`
	Backend string `yaml:"backend" json:"backend"` // default Version
	Bundle  Bundle `yaml:"bundle" json:"bundle"`
}
