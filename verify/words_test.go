package verify

import "testing"

func TestWords(t *testing.T) {
	cases := []struct{ got, want string }{
		{share(0.0042), "0.42 %"},
		{share(0), "0 %"},
		{share(0.99951), "100 %"},
		{seconds(0.21), "210 ms"},
		{seconds(1.234), "1.23 s"},
		{seconds(60), "60 s"},
		{seconds(1500), "25 min"},
		{seconds(13000), "3.61 h"},
		{count(1812), "1 812"},
		{count(999), "999"},
		{count(1234567), "1 234 567"},
		{count(-1234), "-1 234"},
		{count(-123), "-123"},
		{in("req/s", 3.21987), "3.22 req/s"},
		{in("", 0.5), "0.5"},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
