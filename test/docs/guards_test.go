package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
)

var (
	guardRow  = regexp.MustCompile("(?m)^\\| ((?:`[a-z_]+`(?:, )?)+) \\|")
	guardName = regexp.MustCompile("[a-z_]+")
)

// The table of guards in docs/decisions.md has those of the policy, in their order.
func TestGuardsOfTheDocs(t *testing.T) {
	_, table, _ := strings.Cut(string(read(t, "../../docs/decisions.md")), "\n## The guards\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var told []string
	for _, row := range guardRow.FindAllStringSubmatch(table, -1) {
		told = append(told, guardName.FindAllString(row[1], -1)...)
	}
	want := policy.Guards()
	want = want[:1+slices.Index(want, policy.GuardSevere)]
	if !slices.Equal(told, want) {
		t.Errorf("docs/decisions.md has the guards\n%v, and the policy\n%v", told, want)
	}
}
