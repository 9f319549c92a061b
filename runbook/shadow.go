package runbook

import (
	"fmt"
	"time"
)

// Shadow says whether a candidate must be compared before a release of it may start.
// A runbook without the section asks for nothing.
type Shadow struct {
	// Required refuses `release start` without a recorded pass of exactly this candidate
	// bundle against exactly this stable bundle; default true.
	Required bool `yaml:"required" json:"required"`
	// MaxAge is how old the report may be, at most 90d; default 7d.
	MaxAge Duration `yaml:"max_age" json:"max_age"`
}

// ShadowMaxAge is the greatest MaxAge: a verdict is kept for as long.
const ShadowMaxAge = 90 * 24 * time.Hour

// Needed reports whether a release needs a pass.
func (s *Shadow) Needed() bool { return s != nil && s.Required }

func (s *Shadow) fill(p *page) {
	if s == nil {
		return
	}
	preset(p, "shadow.required", &s.Required, true)
	preset(p, "shadow.max_age", &s.MaxAge, Duration(7*24*time.Hour))
}

func (s *Shadow) check(p *page) {
	if s == nil {
		return
	}
	p.positive("shadow.max_age", s.MaxAge)
	if s.MaxAge.Std() > ShadowMaxAge {
		p.add("shadow.max_age", fmt.Sprintf("%s is longer than a verdict is kept", s.MaxAge), "write 90d or less")
	}
}
