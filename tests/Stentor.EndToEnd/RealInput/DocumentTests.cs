using System.Text;
using System.Text.Json;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.RealInput;

/// <summary>The documents with which the W3C tests implementations of ActivityStreams 2.0.</summary>
public sealed class DocumentTests
{
    // What is wrong with two of them, and how it is put right.
    private static readonly Dictionary<string, (string Complaint, Func<string, string> Mend)> Broken = new(StringComparer.Ordinal)
    {
        ["vocabulary-ex196-jsonld"] = ("is invalid within a JSON string", text => text.Replace("@sally&lt;/a&gt;\n", "@sally&lt;/a&gt;", StringComparison.Ordinal).Replace("hard work!\n", "hard work!", StringComparison.Ordinal)),
        ["vocabulary-ex181-jsonld"] = ("'name' stands twice", text => text.Replace("\"name\": \"Mention of Joe by Carrie in her note\",", "", StringComparison.Ordinal)),
    };

    [Fact(Timeout = 120_000)]
    public async Task All_205_documents_come_back_as_the_same_JSON_and_the_two_broken_ones_are_refused_until_they_are_mended()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path);
        await node.RegisterAsync();
        var documents = Directory.GetFiles(Repository.PathOf("examples", "data", "activitystreams"), "*.json").Order(StringComparer.Ordinal)
            .ToDictionary(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);
        Assert.Equal(205, documents.Count);

        foreach (var (name, (complaint, mend)) in Broken)
        {
            var refusal = await PublishAsync(node, name, documents[name]);
            Assert.Equal(400, refusal.Status);
            Assert.Contains(complaint, JsonDocument.Parse(refusal.Text).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
            documents[name] = mend(documents[name]);
        }

        foreach (var (name, text) in documents)
        {
            var outcome = await PublishAsync(node, name, text);
            Assert.True(outcome.Status == 201, $"{name}: {outcome.Text}");
        }

        var pulled = (await node.GetAsync("v1/channels/w3c.documents/activities?limit=1000")).GetProperty("activities").EnumerateArray().ToList();
        var log = await CommandProcess.RunAsync(directory.Path, input: null, "log", "w3c.documents", "--json", "--server", node.Http.ToString());

        Assert.Equal(205, pulled.Count);
        foreach (var entry in pulled)
        {
            var name = entry.GetProperty("id").GetString()!;
            using var original = JsonDocument.Parse(documents[name]);
            Assert.True(JsonElement.DeepEquals(original.RootElement, entry.GetProperty("activity")), $"{name} came back as {entry.GetProperty("activity")}");
        }

        Assert.Equal(0, log.ExitCode);
        Assert.Equal(pulled.Select(entry => entry.GetRawText()), log.Lines);
    }

    private static Task<(int Status, string Text)> PublishAsync(NodeProcess node, string name, string document) =>
        node.AskAsync(HttpMethod.Post, "v1/channels/w3c.documents/activities", new StringBuilder($"{{\"id\": \"{name}\", \"activity\": ").Append(document).Append('}').ToString());
}
