package verify

import (
	"fmt"
	"io"
	"net/http"
)

// maxBody is the longest answer that is read, in bytes. Evidence of a day at 15 s for
// some hundred series stays below.
const maxBody = 32 << 20

// capped refuses answers longer than maxBody: the client reads them into memory whole.
type capped struct{ http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &cappedBody{resp.Body, maxBody}
	}
	return resp, err
}

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("answer is longer than %d MiB", maxBody>>20)
	}
	return n, err
}
