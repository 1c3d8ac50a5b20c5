package cloud_test

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// functions are the Lambda functions, by the folder of their main package.
var functions = []string{"api", "webhook", "archive", "sweep"}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := folder(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// folder is where everything is built.
var folder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "roost-cloud-") })

// built builds everything once, as sam build and the Dockerfile do, and returns
// the folder: <function>/bootstrap, and sessionhost.
var built = sync.OnceValues(func() (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	programs := map[string]string{"sessionhost": filepath.Join(dir, "sessionhost")}
	for _, name := range functions {
		programs["functions/"+name] = filepath.Join(dir, name, "bootstrap")
	}
	for from, to := range programs {
		build := exec.Command("go", "build", "-trimpath", "-o", to, "roost/"+from)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w: %s", from, err, out)
		}
	}
	return dir, nil
})

// binaries skips the test where the suite cannot run, and otherwise returns what
// built does.
func binaries(t *testing.T) string {
	t.Helper()
	switch {
	case os.Getenv("ROOST_EMULATORS") != "1":
		t.Skip("LEFT OUT: the emulators of AWS are not here; run .ci/cloud")
	case os.Getenv("ROOST_RIE") == "":
		t.Skip("LEFT OUT: ROOST_RIE does not name the Lambda Runtime Interface Emulator; run .ci/cloud")
	}
	for _, service := range services {
		if os.Getenv(endpointVariable(service)) == "" {
			t.Skipf("LEFT OUT: there is no emulator of %s", service)
		}
	}
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sizes are the bytes of a file, plain and as the one entry of a zip.
func sizes(t *testing.T, path string) (plain, zipped int64) {
	t.Helper()
	in, err := os.Open(path)
	must(t, err)
	defer in.Close()
	var count counter
	archive := zip.NewWriter(&count)
	out, err := archive.Create("bootstrap")
	must(t, err)
	plain, err = io.Copy(out, in)
	must(t, err)
	must(t, archive.Close())
	return plain, int64(count)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
