package outbound

import (
	"net/netip"
	"testing"
)

func TestInsideIsAllowed(t *testing.T) {
	for _, ok := range []string{"127.0.0.1", "10.0.0.1", "::1", "192.168.1.1", "fd12::1", "2001:db8::1", "8.8.8.8", "64:ff9b::808:808"} {
		if forbidden(netip.MustParseAddr(ok)) {
			t.Errorf("%s is refused", ok)
		}
	}
}
