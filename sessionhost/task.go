package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// nameOfTask is the id of the ECS task that this process runs in, asked of the
// task's metadata endpoint (Amazon ECS developer guide, "Task metadata endpoint
// version 4"). Where there is none it is the machine's name.
func nameOfTask(ctx context.Context, endpoint string) (string, error) {
	if endpoint == "" {
		name, err := os.Hostname()
		if err != nil {
			return "", fmt.Errorf("ROOST_HOST_NAME is not set, and the machine has no name: %w", err)
		}
		return name, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/task", nil)
	if err != nil {
		return "", fmt.Errorf("ask for the ECS task: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask for the ECS task: %w", err)
	}
	defer response.Body.Close()
	var task struct {
		ARN string `json:"TaskARN"` // arn:aws:ecs:eu-central-1:111122223333:task/cluster/e9028f8d5d8e4f258373e7b93ce9a3c3
	}
	if err := json.NewDecoder(response.Body).Decode(&task); err != nil {
		return "", fmt.Errorf("read the ECS task: %w", err)
	}
	id := task.ARN[strings.LastIndexByte(task.ARN, '/')+1:]
	if id == "" {
		return "", fmt.Errorf("the ECS task at %s has no ARN, and ROOST_HOST_NAME is not set", endpoint)
	}
	return id, nil
}
