package systemtest

import (
	"errors"
	"go/build"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Names of packages are patterns as the go command has them: "a/..." is a and
// all below it. Ours are named from the root of the module.

const (
	module  = "roost/"
	library = "go.mau.fi/whatsmeow"
)

// grant is what of whatsmeow a package may import, relative to the library,
// and why it must. Its root, "", is the client.
type grant struct {
	parts []string
	why   string
}

// speaks names who may import whatsmeow: the one place a reader looks, and the
// one place a change of the library lands. Nobody else imports any of it. Where
// two names fit a package the one without dots counts.
var speaks = map[string]grant{
	"sessionhost/whatsapp": {[]string{"..."}, "it is the gateway's only way to WhatsApp"},
	"sessionhost/keys":     {[]string{"..."}, "it implements the library's store"},
	"sessionhost/session":  {[]string{"types"}, "it names people by JID and leaves the rest to whatsapp"},
	"simulator/companion":  {[]string{"..."}, "it is the unmodified client that tests pair"},
	"local/bench/floor":    {[]string{"..."}, "it is the bare client that Roost is measured against"},
	"simulator/companion/oracle": {
		[]string{"proto/...", "store/...", "types", "util/..."},
		"it holds a store of ours against the library's own",
	},
	"simulator/...": {
		[]string{"appstate/...", "binary/...", "proto/...", "socket/...", "types", "util/..."},
		"a server shares the wire with its clients; what judges them must not share their behaviour",
	},
}

// clouds names who may import the SDK of AWS, and why; their tests are free.
var clouds = map[string]string{
	"local/...":             "it opens the adapters, and makes on emulators what the template makes on AWS",
	"shared/blob/s3":        "it is an adapter",
	"shared/cloud":          "it is what the adapters have in common",
	"shared/deployment/...": "it opens the adapters",
	"shared/emulator":       "it leads the adapters' tests to emulators",
	"shared/queue/sqs":      "it is an adapter",
	"shared/seal/kms":       "it is an adapter",
	"shared/table/dynamo":   "it is an adapter",
}

// never names, for packages of ours, what they must not reach, and why.
var never = map[string]map[string]string{
	"shared/...": {
		module + "functions/...":   "both runtimes stand on shared, it knows neither",
		module + "sessionhost/...": "both runtimes stand on shared, it knows neither",
		module + "local/...":       "local composes everything, nothing imports it",
		module + "simulator/...":   "WhatsApp is what sessions talk to, not part of the domain",
	},
	"functions/...": {
		module + "sessionhost/...": "the runtimes meet only in tables, objects and queues",
		module + "local/...":       "local composes everything, nothing imports it",
		module + "simulator/...":   "a Lambda talks to no WhatsApp, not even to a simulated one",
		library + "/...":           "no socket in a Lambda",
	},
	"sessionhost/...": {
		module + "functions/...": "the runtimes meet only in tables, objects and queues",
		module + "local/...":     "local composes everything, nothing imports it",
		module + "simulator/...": "a host is told where WhatsApp is and cannot tell a simulated one",
	},
	"simulator/...": {
		module + "functions/...":   "the simulator is WhatsApp and has not heard of Roost",
		module + "sessionhost/...": "the simulator is WhatsApp and has not heard of Roost",
		module + "shared/...":      "the simulator is WhatsApp and has not heard of Roost",
		module + "local/...":       "the simulator is WhatsApp and has not heard of Roost",
	},
}

// domain names the packages that hold what the product is about.
var domain = map[string]string{
	"shared/archive":    "transcripts on their way into the bucket",
	"shared/backlog":    "what webhooks are still to be told",
	"shared/command":    "what programs ask of a session",
	"shared/event":      "what happens to an instance",
	"shared/fault":      "why something does not work",
	"shared/fleet":      "which session hosts there are",
	"shared/group":      "what is known of groups",
	"shared/instance":   "the life of an instance",
	"shared/message":    "what people say",
	"shared/tenant":     "whose it is",
	"shared/transcript": "what was said",
	"shared/webhook":    "who wants to be told",
}

// impure names what no domain package may reach, and why.
var impure = map[string]string{
	"github.com/aws/...": "the domain names no cloud; that belongs in an adapter",
	library + "/...":     "the domain names no client library; that belongs in sessionhost/whatsapp",
	"net/http/...":       "the domain answers and makes no requests; that belongs in functions and adapters",
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for name, pkg := range load(t) {
		if pkg.Doc == "" {
			t.Errorf("%s: no package comment", name)
		}
	}
}

func TestWhoSpeaksWhatsmeow(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	guards(t, pkgs, slices.Collect(maps.Keys(speaks)))
	for name, pkg := range pkgs {
		for _, path := range pkg.Imports {
			if !match(library+"/...", path) {
				continue
			}
			g := granted(name)
			part := strings.TrimPrefix(strings.TrimPrefix(path, library), "/")
			if !slices.ContainsFunc(g.parts, func(p string) bool { return p == "..." || match(p, part) }) {
				t.Errorf("%s imports %s; it may import %q of it (%s)", name, path, g.parts, g.why)
			}
		}
	}
}

func TestWhoSpeaksAWS(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	guards(t, pkgs, slices.Collect(maps.Keys(clouds)))
	for name, pkg := range pkgs {
		if _, may := lookup(clouds, name); may {
			continue
		}
		for _, path := range pkg.Imports {
			if match("github.com/aws/aws-sdk-go-v2/...", path) || match("github.com/aws/smithy-go/...", path) {
				t.Errorf("%s imports %s; only adapters and what opens them may", name, path)
			}
		}
	}
}

func TestDirection(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	guards(t, pkgs, slices.Collect(maps.Keys(never)))
	for ours, bans := range never {
		held := func(name string) bool { return match(ours, name) }
		for name := range pkgs {
			if held(name) {
				pkgs.refuse(t, name, bans, held)
			}
		}
	}
}

func TestDomainIsPure(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	guards(t, pkgs, slices.Collect(maps.Keys(domain)))
	for name := range domain {
		pkgs.refuse(t, name, impure, func(name string) bool { return domain[name] != "" })
	}
}

// tree is the module's packages by name.
type tree map[string]*build.Package

// load reads them with go/build rather than by running go list: the go command
// knows then which files this test depends on, and does not repeat an old
// verdict of it.
func load(t *testing.T) tree {
	t.Helper()
	root := filepath.Join("..", "..")
	pkgs := tree{}
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		pkg, err := build.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		pkgs[filepath.ToSlash(name)] = pkg
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// refuse fails the test if a package reaches what bans names. What it reaches
// through another package that held says the same of is left to that one.
func (tr tree) refuse(t *testing.T, name string, bans map[string]string, held func(string) bool) {
	t.Helper()
	seen := map[string]bool{}
	var visit func(by string)
	visit = func(by string) {
		if tr[by] == nil || seen[by] || by != name && held(by) {
			return
		}
		seen[by] = true
		for _, path := range tr[by].Imports {
			if why, banned := lookup(bans, path); banned {
				t.Errorf("%s has %s from %s: %s", name, path, by, why)
			} else if ours, ok := strings.CutPrefix(path, module); ok {
				visit(ours)
			}
		}
	}
	visit(name)
}

func lookup(bans map[string]string, path string) (why string, banned bool) {
	for pattern, why := range bans {
		if match(pattern, path) {
			return why, true
		}
	}
	return "", false
}

// granted finds the grant of a package; the zero grant allows nothing.
func granted(name string) grant {
	if g, ok := speaks[name]; ok {
		return g
	}
	for ours, g := range speaks {
		if match(ours, name) {
			return g
		}
	}
	return grant{why: "only those that speaks names import it"}
}

// guards fails the test if a rule is about no package, as after a renaming.
func guards(t *testing.T, pkgs tree, rules []string) {
	t.Helper()
	for _, ours := range rules {
		found := false
		for name := range pkgs {
			found = found || match(ours, name)
		}
		if !found {
			t.Errorf("the rule about %s is about no package", ours)
		}
	}
}

func match(pattern, path string) bool {
	below, many := strings.CutSuffix(pattern, "/...")
	return path == below || many && strings.HasPrefix(path, below+"/")
}
