package templates_test

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

func TestTemplatesLoadCleanForAnyService(t *testing.T) {
	for _, kind := range templates.Kinds() {
		for _, service := range []string{"ranker", "a", "7up", "123", "null", "true", "2024-01-01", strings.Repeat("x-9", 21)} {
			t.Run(kind+"/"+service, func(t *testing.T) {
				text, err := templates.New(kind, service)
				if err != nil {
					t.Fatal(err)
				}
				rb, err := runbook.Parse(kind+".yaml", text)
				if err != nil {
					t.Fatal(err)
				}
				if rb.Service != service {
					t.Errorf("service is %q", rb.Service)
				}
			})
		}
	}
}
