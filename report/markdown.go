package report

import "github.com/autorollback/autorollback/runbook"

func Markdown(inc runbook.Incident, rb *runbook.Runbook, opts Options) []byte { panic("not yet") }
