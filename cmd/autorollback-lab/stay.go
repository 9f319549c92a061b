package main

import (
	"context"

	"github.com/autorollback/autorollback/runbook"
)

// stay keeps the world and the daemon after the story, so that its pages can be looked at.
func (d *show) stay(ctx context.Context) error {
	st, err := d.client.Status(ctx)
	if err != nil {
		return err
	}
	d.say("\nthe traffic continues, and these pages stay until you press Ctrl-C (--exit ends with the story):\n  %s/", d.client.URL)
	for _, inc := range st.Incidents {
		d.say("  %s/incidents/%s", d.client.URL, inc.ID)
	}
	d.say("in another terminal, after make build:\n  bin/autorollback watch %s --url %s", d.runbook.Named(runbook.DefaultRegion), d.client.URL)
	<-ctx.Done()
	return nil
}
