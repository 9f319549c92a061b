package actuators

import "github.com/autorollback/autorollback/store"

func (t traefik) lint(snap store.Snapshot) []Hazard { return nil }
