package engine

import (
	"context"
	"slices"

	"github.com/autorollback/autorollback/record"
)

// Held keeps in the incident by which tag an image stays in its registry.
func (e *Engine) Held(ctx context.Context, id string, h record.ImageHold) error {
	return e.amend(ctx, id, func(inc *record.Incident) (line record.Record, err error) {
		if slices.ContainsFunc(inc.Holds, func(had record.ImageHold) bool { return had.Image == h.Image && had.Role == h.Role }) {
			return line, nil
		}
		inc.Holds = append(inc.Holds, h)
		return record.Record{Kind: "image_held", Text: h.Role + " " + h.Image + " as " + h.Tag}, nil
	})
}
