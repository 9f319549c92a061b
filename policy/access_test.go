package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func named(service string, operators, approvers []string) *runbook.Runbook {
	return &runbook.Runbook{Service: service, Policy: runbook.Policy{Operators: operators, Approvers: approvers}}
}

// Each role opens what it contains, and nothing else: the whole table.
func TestRolesContain(t *testing.T) {
	opens := map[policy.Role][]policy.Role{
		policy.Metrics: {policy.Metrics},
		policy.View:    {policy.Metrics, policy.View},
		policy.Operate: {policy.Metrics, policy.View, policy.Operate},
		policy.Approve: {policy.Metrics, policy.View, policy.Approve},
		policy.Admin:   {policy.Metrics, policy.View, policy.Admin},
		"root":         nil,
		"":             nil,
	}
	for have, want := range opens {
		for _, need := range append(policy.AllRoles(), "root", "") {
			in := policy.Access{Name: "alice", How: "basic_auth", Need: need, Roles: policy.Roles{have: {"alice"}}, CanSign: true}
			err := policy.MayAccess(in)
			if got := err == nil; got != slices.Contains(want, need) {
				t.Errorf("with %q, what needs %q: %v", have, need, err)
			}
			if err != nil && !errors.Is(err, runbook.ErrForbidden) {
				t.Errorf("with %q, what needs %q: %v is not forbidden", have, need, err)
			}
			in.Name = "mallory"
			if policy.MayAccess(in) == nil {
				t.Errorf("whom nobody names may do what needs %q, as alice has %q", need, have)
			}
		}
	}
}

func TestMayAccess(t *testing.T) {
	ranker, search := named("ranker", []string{"olga"}, []string{"anna"}), named("search", []string{"sven"}, []string{"sara"})
	roles := policy.Roles{policy.View: {policy.Everybody}, policy.Operate: {"bob", policy.Everybody}, policy.Metrics: {"prom"}}
	for name, c := range map[string]struct {
		in   policy.Access
		says string // empty: it is allowed
	}{
		"an operator":                            {policy.Access{Name: "bob", Need: policy.Operate, Service: "ranker", Roles: roles}, ""},
		"everybody views":                        {policy.Access{Name: "eve", Need: policy.View, Roles: roles}, ""},
		"everybody operates":                     {policy.Access{Name: "eve", Need: policy.Operate, Roles: roles}, "does not have the role operate"},
		"somebody called *":                      {policy.Access{Name: "*", Need: policy.Operate, Roles: roles}, "does not have the role operate"},
		"an operator of the runbook":             {policy.Access{Name: "olga", Need: policy.Operate, Service: "ranker", Roles: roles}, ""},
		"the same, of another":                   {policy.Access{Name: "olga", Need: policy.Operate, Service: "search", Roles: roles}, "no policy.operators of a runbook names olga for search"},
		"the same, of no service":                {policy.Access{Name: "olga", Need: policy.Operate, Roles: roles}, "does not have the role operate"},
		"the same, of a service that is unknown": {policy.Access{Name: "olga", Need: policy.Operate, Service: "new", Roles: roles}, "for new"},
		"the same, until it is known":            {policy.Access{Name: "olga", Need: policy.Operate, Later: true, Roles: roles}, ""},
		"nobody's operator, until it is known":   {policy.Access{Name: "eve", Need: policy.Operate, Later: true, Roles: roles}, "does not have the role operate"},
		"the same approves":                      {policy.Access{Name: "olga", Need: policy.Approve, Service: "ranker", Roles: roles}, "not among the approvers that a runbook names for ranker"},
		"the same looks":                         {policy.Access{Name: "olga", Need: policy.View, Roles: policy.Roles{}}, ""},
		"an approver":                            {policy.Access{Name: "anna", Need: policy.Approve, Service: "ranker", Roles: roles}, ""},
		"an approver operates":                   {policy.Access{Name: "anna", Need: policy.Operate, Service: "ranker", Roles: roles}, "does not have the role operate"},
		"an approver elsewhere":                  {policy.Access{Name: "anna", Need: policy.Approve, Service: "search", Roles: roles}, "not among the approvers"},
		"an operator administers":                {policy.Access{Name: "bob", Need: policy.Admin, Roles: roles}, "does not have the role admin: --web.roles.file does not give it"},
		"who scrapes looks":                      {policy.Access{Name: "prom", Need: policy.View, Roles: policy.Roles{policy.Metrics: {"prom"}}}, "does not have the role view"},
		"no roles file, look":                    {policy.Access{Name: "eve", Need: policy.View}, ""},
		"no roles file, order":                   {policy.Access{Name: "eve", Need: policy.Operate, Service: "ranker"}, "nobody has it without --web.roles.file"},
		"no roles file, named by the runbook":    {policy.Access{Name: "olga", Need: policy.Operate, Service: "ranker"}, ""},
		"no roles file, answer":                  {policy.Access{Name: "anna", Need: policy.Approve, Service: "ranker"}, ""},
		"an empty roles file":                    {policy.Access{Name: "eve", Need: policy.View, Roles: policy.Roles{}}, "does not have the role view"},
		"a runbook's * is a name":                {policy.Access{Name: "eve", Need: policy.Operate, Service: "wild", Runbooks: []*runbook.Runbook{named("wild", []string{"*"}, nil)}}, "does not have the role"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.How, c.in.CanSign = "basic_auth", true
			c.in.Runbooks = append(c.in.Runbooks, ranker, search)
			err := policy.MayAccess(c.in)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

// Nobody who has not signed in has a role, whatever a file says of their name. Where nobody can,
// what Prometheus needs stays open.
func TestWithoutANameThereIsNoRole(t *testing.T) {
	all := policy.Roles{}
	for _, r := range policy.AllRoles() {
		all[r] = []string{"", "alice", policy.Everybody}
	}
	for _, need := range policy.AllRoles() {
		for _, can := range []bool{true, false} {
			err := policy.MayAccess(policy.Access{Name: "alice", Need: need, Roles: all, CanSign: can})
			if open := need == policy.Metrics && !can; (err == nil) != open {
				t.Errorf("%s, sign-in possible: %t: %v", need, can, err)
			}
		}
		if err := policy.MayAccess(policy.Access{Name: record.Unauthenticated, How: record.Unauthenticated, Need: need, Roles: policy.Roles{}}); err != nil {
			t.Errorf("where a flag lets everybody do everything, %s: %v", need, err)
		}
		if policy.MayAccess(policy.Access{Name: record.Unauthenticated, How: "basic_auth", Need: need, Roles: policy.Roles{}, CanSign: true}) == nil {
			t.Errorf("a name is taken for a flag: %s", need)
		}
	}
}
