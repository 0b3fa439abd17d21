using System.Net.Http.Json;
using System.Text;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>What is secret stays where it belongs.</summary>
public sealed class SecretTests
{
    [Fact(Timeout = 60_000)]
    public async Task No_secret_no_hash_and_no_session_token_is_in_an_answer_a_log_message_a_metric_or_the_data()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--log-level", "trace");
        var operatorSecret = (await File.ReadAllTextAsync(Path.Combine(directory["data"], "operator.secret"), TestContext.Current.CancellationToken)).Trim();
        const string Wrong = "wrong-secret-of-a-guesser";
        await node.RegisterAsync();
        var (_, session) = await node.AskAsync(HttpMethod.Post, "v1/sessions");
        var token = System.Text.Json.Nodes.JsonNode.Parse(session)!["token"]!.GetValue<string>();
        var said = new StringBuilder();

        using var http = new HttpClient();
        foreach (var path in (string[])["v1/cluster", "metrics", "v1/channels?match=>", "v1/channels/_accounts.ada", "v1/channels/_accounts.ada/activities", "v1/channels/_sessions.x/activities", "openapi/v1.json", $"v1/channels/chat?access_token={token}", "v1/channels?access_token=" + token])
        {
            said.AppendLine((await node.AskAsync(HttpMethod.Get, path)).Text);
        }

        using (var again = await http.PostAsJsonAsync(new Uri(node.Http, "v1/accounts"), new { username = NodeClient.Username, secret = Wrong }, TestContext.Current.CancellationToken))
        {
            said.AppendLine(await again.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        await using (var connection = await FrameConnection.ConnectAsync(node.Tcp))
        {
            said.AppendLine((await connection.RequestAsync("login", new() { ["username"] = NodeClient.Username, ["secret"] = Wrong })).ToJsonString());
        }

        await using (var connection = await FrameConnection.ConnectAsync(node.Tcp))
        {
            said.AppendLine((await connection.RequestAsync("login", new() { ["username"] = NodeClient.Username, ["secret"] = NodeClient.Secret })).ToJsonString());
            said.AppendLine((await connection.RequestAsync("subscribe", new() { ["channels"] = new System.Text.Json.Nodes.JsonArray("_accounts.>") })).ToJsonString());
        }

        await node.StopAsync();
        said.AppendLine(node.ErrorText);

        foreach (var secret in (string[])[NodeClient.Secret, Wrong, operatorSecret, token])
        {
            Assert.DoesNotContain(secret, said.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes($"{NodeClient.Username}:{secret}")), said.ToString(), StringComparison.Ordinal);
            foreach (var file in Directory.GetFiles(directory["data"], "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "operator.secret"))
            {
                var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
                Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) < 0, $"{file} holds a secret as it is.");
            }
        }

        Assert.DoesNotContain("pbkdf2", said.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(directory["data"], "operator.secret")));
    }
}
