package keys

// WithFacts makes room for n names, tokens and settings only.
func (o Options) WithFacts(n int) Options {
	o.facts = n
	return o
}
