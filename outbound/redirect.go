package outbound

import (
	"fmt"
	"net/http"
)

const mostRedirects = 3

// asAnswer hands a redirect over as the answer that it is.
func asAnswer(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// withinHost follows a redirect to the same scheme, host and port, a few times. What is sent along, a
// token among it, so never goes elsewhere, nor in the clear.
func withinHost(to *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case to.URL.Scheme != from.Scheme || to.URL.Host != from.Host:
		return fmt.Errorf("it redirects to %s://%s, which is not followed: name that address if it is the right one",
			Excerpt(to.URL.Scheme), Excerpt(to.URL.Host))
	case len(via) > mostRedirects:
		return fmt.Errorf("it redirects more than %d times", mostRedirects)
	}
	return nil
}
