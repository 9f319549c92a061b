package program

import (
	"fmt"
	"net/netip"
	"strings"
)

// networks are a flag's values, one network each.
type networks []netip.Prefix

// Set implements kingpin.Value.
func (n *networks) Set(text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is no network: write e.g. 10.0.0.0/8", text)
	}
	*n = append(*n, p.Masked())
	return nil
}

// String implements kingpin.Value.
func (n *networks) String() string {
	var all []string
	for _, p := range *n {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

// IsCumulative tells kingpin that the flag may be repeated.
func (n *networks) IsCumulative() bool { return true }
