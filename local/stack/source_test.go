package stack_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/local/stack"
	"roost/shared/deployment"
)

// literals are the string literals of production code below folders that look
// like pattern.
func literals(t *testing.T, pattern string, folders ...string) map[string]bool {
	t.Helper()
	looks, found := regexp.MustCompile(pattern), map[string]bool{}
	for _, folder := range folders {
		err := filepath.WalkDir(root+folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if value, err := strconv.Unquote(l.Value); err == nil && looks.MatchString(value) {
						found[value] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no literal in %v looks like %s", folders, pattern)
	}
	return found
}

// TestObjectsThatGo holds the bucket's lifecycle against the keys that the code
// makes.
func TestObjectsThatGo(t *testing.T) {
	t.Parallel()
	stays := []string{"media/", "messages/", "transcripts/"} // the archive sees to the first two
	goes := map[string]bool{}
	for _, bucket := range all[stack.Bucket](t, "AWS::S3::Bucket") {
		for _, r := range bucket.LifecycleConfiguration.Rules {
			if r.Status != "Enabled" {
				t.Errorf("rule %s is not enabled", r.ID)
			}
			if r.ExpirationInDays == 0 {
				continue
			}
			if r.Prefix == "" || slices.Contains(stays, r.Prefix) {
				t.Errorf("rule %s removes %q, which stays", r.ID, r.Prefix)
			}
			goes[r.Prefix] = true
			if want := deployment.Lifetimes[r.Prefix]; want != time.Duration(r.ExpirationInDays)*24*time.Hour {
				t.Errorf("rule %s removes after %d days, the code after %v", r.ID, r.ExpirationInDays, want)
			}
		}
	}
	made := map[string]bool{}
	for key := range literals(t, `^[a-z]{2,}/$`, "functions/api/core", "functions/webhook", "functions/archive", "sessionhost/host", "shared/backlog", "shared/command", "shared/event", "shared/transcript", "shared/archive") {
		made[key] = true
		if !goes[key] && !slices.Contains(stays, key) {
			t.Errorf("nothing is said about objects under %s: a lifecycle rule, or that they stay", key)
		}
	}
	for prefix := range deployment.Lifetimes {
		if !goes[prefix] {
			t.Errorf("no rule removes objects under %s", prefix)
		}
		if !made[prefix] {
			t.Errorf("no code makes objects under %s", prefix)
		}
	}
}

// TestEnvironment holds three lists of variables together: what the code reads,
// what the template sets, and docs/environment.md.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	template := read(t)
	// Read, documented, and by whoever runs a process by hand only.
	notOnAWS := []string{"ROOST_HOST_NAME", "ROOST_NTP", "ROOST_SIMULATOR"}
	set := map[string]bool{}
	add := func(variables map[string]stack.Text) {
		for name := range variables {
			if strings.HasPrefix(name, "ROOST_") {
				set[name] = true
			}
		}
	}
	add(template.Globals.Function.Environment.Variables)
	for _, f := range all[stack.Function](t, "AWS::Serverless::Function") {
		add(f.Environment.Variables)
	}
	for _, task := range all[struct {
		ContainerDefinitions []struct{ Environment []struct{ Name string } }
	}](t, "AWS::ECS::TaskDefinition") {
		for _, c := range task.ContainerDefinitions {
			for _, v := range c.Environment {
				if strings.HasPrefix(v.Name, "ROOST_") {
					set[v.Name] = true
				}
			}
		}
	}
	documented := map[string]bool{}
	doc, err := os.ReadFile(root + "docs/environment.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(ROOST_[A-Z0-9_]+)` \\|").FindAllSubmatch(doc, -1) {
		documented[string(row[1])] = true
	}
	used := literals(t, `^ROOST_[A-Z0-9_]+$`, "functions", "sessionhost", "shared")
	for name := range used {
		if name == "ROOST_ADMIN_KEY" { // the key itself, where there is no template
			continue
		}
		if !set[name] && !slices.Contains(notOnAWS, name) {
			t.Errorf("the template does not set %s, which the code reads", name)
		}
		if !documented[name] {
			t.Errorf("docs/environment.md does not tell of %s, which the code reads", name)
		}
	}
	if _, err := os.Stat(root + "sessionhost/main.go"); err != nil {
		t.Skip("there is no session host of its own yet, which reads the rest")
	}
	for name := range set {
		if !used[name] {
			t.Errorf("the template sets %s, which no code reads", name)
		}
	}
	for name := range documented {
		if !used[name] {
			t.Errorf("docs/environment.md tells of %s, which no code reads", name)
		}
	}
}

// TestEmulators holds local/emulators.env against the template: sam local sets
// only variables that this names.
func TestEmulators(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../emulators.env")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"AWS_REGION": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true} // set by sam local itself
	template := read(t)
	for name := range template.Globals.Function.Environment.Variables {
		known[name] = true
	}
	for _, f := range all[stack.Function](t, "AWS::Serverless::Function") {
		for name := range f.Environment.Variables {
			known[name] = true
		}
	}
	for line := range strings.Lines(string(source)) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") && !known[name] {
			t.Errorf("the template does not name %s", name)
		}
	}
}

// TestVersion holds the template's version against the program's.
func TestVersion(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile("../system.go")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^const version = "(.+)"$`).FindSubmatch(program)
	if version == nil {
		t.Fatal("local/system.go has no version")
	}
	if got := read(t).Globals.Function.Environment.Variables["ROOST_VERSION"]; string(got) != string(version[1]) {
		t.Errorf("the template says version %s, the program %s", got, version[1])
	}
}

// TestImages: what runs beside the program is pinned to a version.
func TestImages(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../compose.yaml", root + "Dockerfile"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		images := regexp.MustCompile(`(?m)^(?:\s*image: |FROM (?:--\S+ )?)(\S+)`).FindAllSubmatch(source, -1)
		if len(images) < 2 {
			t.Errorf("%s names %d images", file, len(images))
		}
		for _, image := range images {
			if name := string(image[1]); name != "scratch" && !regexp.MustCompile(`:v?\d+\.\d+\.\d+`).MatchString(name) {
				t.Errorf("%s: image %s is not pinned to a version", file, name)
			}
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`"plain"`: "plain", `{"Ref":"A"}`: "A", `{"Fn::Sub":"${A}-b"}`: "${A}-b", `{"Fn::GetAtt":"A.Arn"}`: "A.Arn",
		`{"Fn::If":["C","a","b"]}`: `{"Fn::If":["C","a","b"]}`, `7`: "7",
	} {
		var got stack.Text
		if err := json.Unmarshal([]byte(source), &got); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", source, got, err, want)
		}
	}
}
