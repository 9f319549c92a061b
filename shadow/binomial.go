package shadow

import "math"

// tailAtLeast returns P(X ≥ k) for X ~ Bin(n, p), exactly, by the incomplete beta
// function: P(X ≥ k) = I_p(k, n−k+1).
func tailAtLeast(k, n int64, p float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || p <= 0:
		return 0
	case p >= 1:
		return 1
	}
	return incompleteBeta(float64(k), float64(n-k+1), p)
}

// tailAtMost returns P(X ≤ k) for X ~ Bin(n, p).
func tailAtMost(k, n int64, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || p <= 0:
		return 1
	case p >= 1:
		return 0
	}
	return incompleteBeta(float64(n-k), float64(k+1), 1-p)
}

// incompleteBeta returns the regularised I_x(a, b), 0 < x < 1, by Lentz' continued
// fraction (DLMF 8.17.22).
func incompleteBeta(a, b, x float64) float64 {
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	return math.Min(1, front*betaFraction(a, b, x))
}

func betaFraction(a, b, x float64) float64 {
	const tiny, eps = 1e-300, 1e-14
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 10000; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < eps {
			break
		}
	}
	return f
}

// chiSquareTail returns P(X ≥ x) for a χ² of df degrees of freedom (DLMF 8.7.1 and
// 8.9.2).
func chiSquareTail(x float64, df int) float64 {
	a, h := float64(df)/2, x/2
	if df <= 0 || h <= 0 {
		return 1
	}
	lg, _ := math.Lgamma(a)
	front := math.Exp(-h + a*math.Log(h) - lg)
	if h < a+1 {
		sum, term := 1/a, 1/a
		for k := a + 1; math.Abs(term) > math.Abs(sum)*1e-15; k++ {
			term *= h / k
			sum += term
		}
		return math.Max(0, 1-front*sum)
	}
	return front * gammaFraction(a, h)
}

func gammaFraction(a, x float64) float64 {
	const tiny = 1e-300
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	f := d
	for i := 1.0; i < 10000; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / (an*d + b)
		c = b + an/c
		f *= d * c
		if math.Abs(d*c-1) < 1e-14 {
			break
		}
	}
	return f
}

// normalTail returns P(Z ≥ z).
func normalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
