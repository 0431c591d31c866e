package config

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gatefold.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestTheExampleLoads(t *testing.T) {
	c, err := loadText(t, string(Example))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listeners["pg"].Address != "127.0.0.1:6432" || c.Targets["orders"].Accounts["app"].Secret != "orders-app" {
		t.Errorf("the example was read as %+v", c)
	}
}

// The example says that its values are the defaults: where it sets something of its own the comment says so, and
// the list here is the same.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	c, err := loadText(t, string(Example))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(c.Path)
	want := Default()
	want.Gateway = "gw1"
	l := defaultListener()
	l.Address = "127.0.0.1:6432"
	m := defaultListener()
	m.Protocol, m.Address = "mysql", "127.0.0.1:3307"
	h := defaultListener()
	h.Protocol, h.Address = "ssh", "127.0.0.1:2222"
	want.Listeners = map[string]Listener{"pg": l, "mysql": m, "ssh": h}
	o, b, w := defaultTarget(), defaultTarget(), defaultTarget()
	o.Address, o.Accounts = "db.internal:5432", map[string]Account{"app": {Secret: "orders-app"}}
	b.Protocol, b.Address, b.Accounts = "mysql", "mariadb.internal:3306", map[string]Account{"app": {Secret: "books-app"}}
	w.Protocol, w.Address, w.Accounts = "ssh", "web1.internal:22", map[string]Account{"root": {Secret: "web1-root"}}
	w.HostKeys = c.Targets["web1"].HostKeys
	want.Targets = map[string]Target{"orders": o, "books": b, "web1": w}
	want.fill()
	want.Groups = map[string][]string{"dba": {"alice", "bob"}}
	want.resolve(dir)
	want.Path = c.Path
	got := *c
	got.hash = ""
	emptyAsNil(&got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example gives\n%+v\nwant\n%+v", got, want)
	}
}

// emptyAsNil makes of `key: []` what a missing key is.
func emptyAsNil(c *Config) {
	if len(c.Policy) == 0 {
		c.Policy = nil
	}
	if len(c.Evidence.To) == 0 {
		c.Evidence.To = nil
	}
	if len(c.Retention.Despite) == 0 {
		c.Retention.Despite = nil
	}
	if len(c.SSH.HostKeys)+len(c.SSH.HostCertificates) == 0 {
		c.SSH = SSH{}
	}
	if w := c.Targets["web1"]; len(w.HostCA) == 0 {
		w.HostCA = nil
		c.Targets["web1"] = w
	}
	l := c.Listeners["pg"]
	if len(l.ProxyProtocol) == 0 {
		l.ProxyProtocol = nil
	}
	c.Listeners["pg"] = l
}

// Where there are several of a thing, each key is shown with one of them.
func TestTheExampleHasEveryKey(t *testing.T) {
	d := &decoder{file: "example.yaml", places: make(map[string]place)}
	c := Default()
	d.decode(Example, &c)
	if len(d.problems) > 0 {
		t.Fatal(d.problems)
	}
	shown := make(map[string]bool) // by path, with * for a name that the user chose
	missing := make(map[string]bool)
	var walk func(v reflect.Value, path, general []string)
	walk = func(v reflect.Value, path, general []string) {
		if _, ok := d.places[join(path...)]; ok {
			shown[join(general...)] = true
		} else if len(path) > 0 {
			missing[join(general...)] = true
		}
		switch v.Kind() {
		case reflect.Map:
			if v.Len() == 0 {
				t.Errorf("the example has nothing in %s", join(path...))
			}
			for it := v.MapRange(); it.Next(); {
				walk(it.Value(), append(path[:len(path):len(path)], it.Key().String()), append(general[:len(general):len(general)], "*"))
			}
		case reflect.Struct:
			if v.Type().PkgPath() != reflect.TypeFor[Config]().PkgPath() {
				return
			}
			for i := range v.NumField() {
				f := v.Type().Field(i)
				switch key := f.Tag.Get("yaml"); {
				case key == "" && f.IsExported():
					t.Errorf("field %s has no key", f.Name)
				case key != "" && key != "-":
					walk(v.Field(i), append(path[:len(path):len(path)], key), append(general[:len(general):len(general)], key))
				}
			}
		}
	}
	walk(reflect.ValueOf(c), nil, nil)
	for path := range missing {
		if !shown[path] {
			t.Errorf("the example lacks %s", path)
		}
	}
}
