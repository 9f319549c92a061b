package ofrep

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// An Evaluation is one flag for one version: a success of the protocol if ErrorCode is empty.
type Evaluation struct {
	Key          string         `json:"key"`
	Value        any            `json:"value,omitempty"`
	Reason       string         `json:"reason,omitempty"`
	Variant      string         `json:"variant,omitempty"`
	Metadata     map[string]any `json:"metadata,omitempty"`
	ErrorCode    string         `json:"errorCode,omitempty"`
	ErrorDetails string         `json:"errorDetails,omitempty"`
}

// The reasons and error codes of OpenFeature that are given. TARGETING_MATCH says that the value
// hangs on the context: who caches it must not give it to another version. DISABLED is never
// given, not even for a quarantined bundle: at that word the SDK's provider drops the value and
// takes the default of its caller's code, which may be the very one that is off.
const (
	Match = "TARGETING_MATCH"
	Stale = "STALE" // the store has not been read for StaleAfter

	ParseError     = "PARSE_ERROR"
	InvalidContext = "INVALID_CONTEXT"
	FlagNotFound   = "FLAG_NOT_FOUND"
	General        = "GENERAL"
)

// The variants of a flag: as the bundle has it, and as it is while the bundle is quarantined.
const (
	On  = "on"
	Off = "off"
)

// Evaluate is one flag of one version. A version without a document has no flags.
func (v View) Evaluate(version, key string, now time.Time) Evaluation {
	d, ok := v.Documents[version]
	switch {
	case v.ReadAt.IsZero():
		return Evaluation{Key: key, ErrorCode: General, ErrorDetails: "the store has not been read yet"}
	case !ok:
		return Evaluation{Key: key, ErrorCode: FlagNotFound, ErrorDetails: fmt.Sprintf("version %s of %s in %s has no flags", version, v.Service, v.Region)}
	case d.Problem != "":
		return Evaluation{Key: key, ErrorCode: ParseError, ErrorDetails: fmt.Sprintf("the flags of version %s of %s in %s: %s", version, v.Service, v.Region, d.Problem)}
	}
	value, ok := d.Flags[key]
	if !ok {
		return Evaluation{Key: key, ErrorCode: FlagNotFound, ErrorDetails: fmt.Sprintf("version %s of %s in %s has no flag %s%s", version, v.Service, v.Region, key, whyNot(d))}
	}
	e := Evaluation{Key: key, Value: value, Reason: Match, Variant: On, Metadata: v.metadata(version, d)}
	if d.Quarantined {
		e.Variant = Off
	}
	if v.Stale(now) {
		e.Reason, e.Metadata["stale"], e.Metadata["readAt"] = Stale, true, v.ReadAt.UTC().Format(time.RFC3339)
	}
	return e
}

func whyNot(d Document) string {
	if d.Quarantined {
		return ": its bundle is quarantined"
	}
	return ""
}

func (v View) metadata(version string, d Document) map[string]any {
	return map[string]any{"service": v.Service, "region": v.Region, "version": version, "bundle": d.Bundle, "serving": d.Serving, "quarantined": d.Quarantined}
}

// All are the flags of one version, by name.
func (v View) All(version string, now time.Time) []Evaluation {
	all := []Evaluation{}
	for _, key := range slices.Sorted(maps.Keys(v.Documents[version].Flags)) {
		all = append(all, v.Evaluate(version, key, now))
	}
	return all
}
