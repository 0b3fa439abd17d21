using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Stentor.EndToEnd.Processes;

/// <summary>What tests do with a node over plain HTTP.</summary>
internal static class NodeClient
{
    /// <summary>The user of most tests.</summary>
    public const string Username = "ada";

    /// <summary>Its secret.</summary>
    public const string Secret = "correct-horse-battery-staple";

    private static readonly HttpClient Http = new();

    /// <summary>Registers <see cref="Username"/>.</summary>
    /// <param name="node">The node.</param>
    public static async Task RegisterAsync(this NodeProcess node)
    {
        using var answer = await Http.PostAsJsonAsync(new Uri(node.Http, "v1/accounts"), new { username = Username, secret = Secret }, TestContext.Current.CancellationToken);
        Assert.Equal(201, (int)answer.StatusCode);
    }

    /// <summary>Asks a node as <see cref="Username"/>.</summary>
    /// <param name="node">The node.</param>
    /// <param name="method">The method.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="mediaType">The body's type.</param>
    public static async Task<(int Status, string Text)> AskAsync(this NodeProcess node, HttpMethod method, string path, string? body = null, string mediaType = "application/json")
    {
        using var request = new HttpRequestMessage(method, new Uri(node.Http, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Secret}")));
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, mediaType);
        }

        using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Asks for what must be there.</summary>
    /// <param name="node">The node.</param>
    /// <param name="path">Path and query.</param>
    public static async Task<JsonElement> GetAsync(this NodeProcess node, string path)
    {
        var (status, text) = await node.AskAsync(HttpMethod.Get, path);
        Assert.True(status == 200, $"{status}: {text}");
        using var json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }
}
