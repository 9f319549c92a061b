package web

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/autorollback/autorollback/bearer"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"go.uber.org/zap"
)

// A rolesFile is the file of --web.roles.file.
type rolesFile struct {
	Roles struct {
		Metrics []string `yaml:"metrics"`
		View    []string `yaml:"view"`
		Operate []string `yaml:"operate"`
		Approve []string `yaml:"approve"`
		Admin   []string `yaml:"admin"`
	} `yaml:"roles"`
	Proxy *trustedProxy `yaml:"trusted_proxy"`

	roles policy.Roles // nil: there is no file
}

// parseRoles reads a roles file strictly; every mistake has its line and its field.
func parseRoles(log *zap.Logger) func(path string, text []byte) (rolesFile, error) {
	return func(path string, text []byte) (rolesFile, error) {
		var f rolesFile
		const empty = "write who may do what, e.g. roles: {view: [\"*\"], operate: [alice], admin: [alice]}"
		if err := runbook.Decode(path, text, &f, empty, f.check); err != nil {
			return f, err
		}
		return f, f.Proxy.open(filepath.Dir(path), log)
	}
}

func (f *rolesFile) check(note runbook.Check) {
	f.roles = policy.Roles{policy.Metrics: f.Roles.Metrics, policy.View: f.Roles.View,
		policy.Operate: f.Roles.Operate, policy.Approve: f.Roles.Approve, policy.Admin: f.Roles.Admin}
	for role, names := range f.roles {
		for i, name := range names {
			at := fmt.Sprintf("roles.%s[%d]", role, i)
			note.Want(isName(name), at, fmt.Sprintf("%q cannot be the name of somebody who signs in", name), "write it as they sign in")
			note.Want(name != policy.Everybody || role == policy.Metrics || role == policy.View, at,
				"gives it to everybody who signs in", "name the people; only metrics and view may be everybody's")
			note.Want(slices.Index(names, name) == i, at, fmt.Sprintf("%q is named twice", name), "keep one of the two")
		}
	}
	if f.Proxy != nil {
		f.Proxy.check(note)
	}
}

// isName reports whether a text can be what somebody is called: it goes into records, logs and pages.
func isName(name string) bool {
	return name != "" && len(name) <= 200 && utf8.ValidString(name) && name != record.Unauthenticated && name != linkHolder &&
		!unicode.IsSpace(rune(name[0])) && !unicode.IsSpace(rune(name[len(name)-1])) &&
		!slices.ContainsFunc([]rune(name), func(c rune) bool { return !unicode.IsPrint(c) })
}

// A trustedProxy signs people in before it passes their requests on.
type trustedProxy struct {
	Addresses   []string `yaml:"addresses"`   // that its connections come from, or networks of them
	UserHeader  string   `yaml:"user_header"` // in which it says who sends a request
	TokenFile   string   `yaml:"token_file"`  // bearer tokens that it shows in [proxyAuthorization]
	Certificate string   `yaml:"certificate"` // the name of its client certificate

	networks []netip.Prefix
	tokens   *bearer.Tokens
}

func (p *trustedProxy) check(note runbook.Check) {
	const at = "trusted_proxy"
	note.Want(len(p.Addresses) > 0, at+".addresses", "is missing", "name the addresses that its connections come from")
	for i, text := range p.Addresses {
		network, err := parseNetwork(text)
		note.Want(err == nil, fmt.Sprintf("%s.addresses[%d]", at, i), fmt.Sprintf("%q is no address", text), "write one like 192.0.2.7, or a network like 192.0.2.0/24")
		note.Want(err != nil || network.Bits() > 0, fmt.Sprintf("%s.addresses[%d]", at, i), "is every address there is", "name the proxy's own")
		p.networks = append(p.networks, network)
	}
	note.Want(isHeader(p.UserHeader), at+".user_header", fmt.Sprintf("%q is no header that can say who somebody is", p.UserHeader), "write one like X-Forwarded-User")
	note.Want(p.TokenFile != "" || p.Certificate != "", at, "is known by its address alone",
		"add token_file, certificate, or both: an address alone proves nothing")
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}
