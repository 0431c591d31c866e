package config

import "testing"

// A configuration is its operator's own, but a broken one must not end a gateway that reloads it.
func FuzzDecode(f *testing.F) {
	f.Add(Example)
	f.Add([]byte(minimal))
	f.Add([]byte("listeners: {pg: {proxy_protocol: [10.0.0.0/8, ~]}}\nlimits: {idle_timeout: 1h}\n"))
	f.Add([]byte("listeners: {m: {protocol: mysql, server_version: 8.0.1}}\ntargets: {t: {protocol: mysql, auth: trust, limits: {max_sessions: 1}}}\n"))
	f.Add([]byte("a: &x [*x]\n<<: {b: c}\n? [d]\n: |\n  e\n"))
	f.Add([]byte("password: [hunter2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 64<<10 {
			return
		}
		d := &decoder{file: "fuzz.yaml", places: make(map[string]place)}
		c := Default()
		d.decode(text, &c)
		if len(d.problems) > 0 {
			_ = d.problems.sorted().Error()
			return
		}
		c.fill()
		c.resolve("/nowhere")
		v := &checker{decoder: d, c: &c}
		v.names()
		v.listeners()
		v.targets()
		v.groups()
		v.sizes()
		v.limits()
		_ = d.problems.sorted().Error()
		if len(c.Hash()) != 64 {
			t.Error("no hash")
		}
	})
}
