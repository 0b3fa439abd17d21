using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Clusters;

/// <summary>Regions in processes of their own that decide names together, and what an operator does when one of them is gone.</summary>
public sealed class ClusterTests
{
    [Fact(Timeout = 240_000)]
    public async Task Names_are_decided_while_regions_are_away_lose_their_disk_and_leave()
    {
        using var directory = new TempDirectory();
        await using var eu = new Region("eu", directory);
        await using var us = new Region("us", directory);
        await using var asia = new Region("asia", directory);
        await eu.StartAsync();
        await us.StartAsync(eu);
        await asia.StartAsync(eu, us);
        await VotersAsync([eu, us, asia], eu.Origin, us.Origin, asia.Origin);

        // A majority is away: the registration is undecided, goes on when one of them is back, and is answered when it is asked again.
        await us.KillAsync();
        await asia.KillAsync();
        Assert.Equal((503, "undecided"), await eu.RegisterAsync("ann"));
        Assert.Equal(401, await eu.LogInAsync("ann"));
        await us.StartAsync(eu);
        await UntilAsync(async () => await eu.LogInAsync("ann") == 201);
        Assert.Equal((201, null), await eu.RegisterAsync("ann"));
        Assert.Equal((409, "taken"), await us.RegisterAsync("ann", "another secret"));

        // A voter loses its disk: its region is back under a new origin, and is given the old one's place.
        var lost = asia.Origin;
        asia.LoseDisk();
        await asia.StartAsync(eu, us);
        Assert.StartsWith("asia-", asia.Origin, StringComparison.Ordinal);
        Assert.NotEqual(lost, asia.Origin);
        await UntilAsync(async () => (await us.RunAsync("voters")).Lines.Contains($"{asia.Origin}  no voter; asia votes as {lost}"));
        var replaced = await us.RunAsync("voters", "replace", lost, asia.Origin);
        Assert.True(replaced.ExitCode == 0, replaced.Error);
        Assert.Contains("2 of 3 decide", replaced.Lines[0], StringComparison.Ordinal);
        Assert.Contains($"{lost}  no voter; asia votes as {asia.Origin}", replaced.Lines);
        await VotersAsync([eu, us, asia], eu.Origin, us.Origin, asia.Origin);
        Assert.Equal((201, null), await asia.RegisterAsync("bob"));
        Assert.Equal(201, await asia.LogInAsync("ann"));

        // A region leaves, and is not missed.
        var left = await us.RunAsync("leave");
        Assert.True(left.ExitCode == 0, left.Error);
        await us.StopAsync();
        await VotersAsync([eu, asia], eu.Origin, asia.Origin);
        Assert.Equal((201, null), await eu.RegisterAsync("cleo"));
        Assert.Equal((409, "taken"), await asia.RegisterAsync("bob", "another secret"));
    }

    /// <summary>Waits until all of these regions have the same voters, and are ready.</summary>
    private static Task VotersAsync(Region[] regions, params string[] origins) => UntilAsync(async () =>
    {
        foreach (var region in regions)
        {
            var voters = await region.GetAsync("v1/cluster/voters");
            if (!await region.IsReadyAsync() || voters is null || !voters.Value.GetProperty("voters").EnumerateArray().Select(v => v.GetProperty("origin").GetString()!).Order().SequenceEqual(origins.Order()))
            {
                return false;
            }
        }

        return true;
    });

    /// <summary>Asks until it is so, since nothing signals that; the test's own time is the bound.</summary>
    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        while (!await isSo())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A region: a node that is killed, started again and loses its disk, always in the same place.</summary>
    private sealed class Region(string name, TempDirectory directory) : IAsyncDisposable
    {
        private static readonly HttpClient Http = new();

        private NodeProcess? _node;

        public string Origin { get; private set; } = "";

        private string Home => directory[name];

        private NodeProcess Node => _node ?? throw new InvalidOperationException($"{name} was never started.");

        public async Task StartAsync(params Region[] links)
        {
            Directory.CreateDirectory(Home);
            _node = await NodeProcess.StartAsync(
                Home,
                like: _node,
                ["--region", name, "--cluster-secret-file", directory["cluster.secret"], "--rate-limits", "off", .. links.SelectMany(l => (string[])["--link", $"ws://{l.Node.Http.Authority}"])]);
            Origin = (await GetAsync("v1/cluster"))!.Value.GetProperty("origin").GetString()!; // A node that listens answers, with its origin.
        }

        public ValueTask KillAsync() => Node.DisposeAsync();

        public async Task StopAsync() => Assert.Equal(0, (await Node.StopAsync()).ExitCode);

        public void LoseDisk() => Directory.Delete(Path.Combine(Home, "data"), recursive: true);

        /// <summary>Runs a command as this region's operator.</summary>
        public Task<CommandResult> RunAsync(params string[] command) =>
            CommandProcess.RunAsync(Home, input: null, [.. command, "--server", Node.Http.AbsoluteUri, "--user", "operator", "--secret-file", Path.Combine("data", "operator.secret"), "--timeout", "30"]);

        public async Task<(int Status, string? Type)> RegisterAsync(string username, string secret = "sesame")
        {
            using var answer = await Http.PostAsJsonAsync(new Uri(Node.Http, "v1/accounts"), new { username, secret }, TestContext.Current.CancellationToken);
            var json = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
            return ((int)answer.StatusCode, json.TryGetProperty("type", out var type) ? type.GetString() : null);
        }

        public async Task<int> LogInAsync(string username)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Node.Http, "v1/sessions"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:sesame")));
            using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
            return (int)answer.StatusCode;
        }

        public async Task<bool> IsReadyAsync()
        {
            using var answer = await Http.GetAsync(new Uri(Node.Http, "healthz/ready"), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }

        /// <summary>What is there; null when it is not there yet.</summary>
        public async Task<JsonElement?> GetAsync(string path)
        {
            using var answer = await Http.GetAsync(new Uri(Node.Http, path), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken) : null;
        }

        public async ValueTask DisposeAsync()
        {
            if (_node is not null)
            {
                await _node.DisposeAsync();
            }
        }
    }
}
