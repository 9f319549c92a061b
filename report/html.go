package report

import "github.com/autorollback/autorollback/runbook"

func HTML(inc runbook.Incident, rb *runbook.Runbook, opts Options) []byte { panic("not yet") }
