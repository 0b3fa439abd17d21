using System.Text.Json;
using Stentor.Client;

namespace Stentor.Cli.Demos;

/// <summary>What demonstrations do with the regions of a cluster.</summary>
internal static class DemoCluster
{
    // The nodes talk on loopback and keep nothing; the secret only has to be the same for all, those of other terminals included.
    private const string Secret = "a secret that keeps no secrets: stentor demo";

    /// <summary>The options of a region of the demonstration's cluster. One without links founds it.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="links">Its links.</param>
    public static IEnumerable<string> Options(Stage stage, params string[] links)
    {
        var file = Path.Combine(stage.Directory, "cluster.secret");
        if (!File.Exists(file))
        {
            File.WriteAllText(file, Secret);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        return ["--cluster-secret-file", file, .. links.SelectMany(link => (string[])["--link", link])];
    }

    /// <summary>How many of a node's links are open.</summary>
    /// <param name="status">Its status.</param>
    public static int OpenLinks(JsonElement status) => status.GetProperty("links").EnumerateArray().Count(link => link.GetProperty("state").GetString() == "open");

    /// <summary>Whether a node takes publishes.</summary>
    /// <param name="status">Its status.</param>
    public static bool IsReady(JsonElement status) => status.GetProperty("ready").GetBoolean();

    /// <summary>How many entries a node has received over its links to a region.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="region">The region.</param>
    public static long ReceivedFrom(JsonElement status, string region) => status.GetProperty("links").EnumerateArray()
        .Where(link => link.TryGetProperty("region", out var name) && name.GetString() == region)
        .Sum(link => link.GetProperty("receivedEntries").GetInt64());

    /// <summary>Waits until a node is ready and has so many links open.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="client">A client of the node.</param>
    /// <param name="region">Its region.</param>
    /// <param name="links">How many.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Task LinkedAsync(Stage stage, StentorClient client, string region, int links, CancellationToken cancellationToken) => stage.UntilAsync(
        $"{region} is ready, with {links} {(links == 1 ? "link" : "links")} open",
        async token => await client.GetClusterAsync(token) is var status && IsReady(status) && OpenLinks(status) >= links,
        cancellationToken);
}
