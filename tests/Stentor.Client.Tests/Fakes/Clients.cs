using Stentor.Protocol;

namespace Stentor.Client.Tests;

/// <summary>Clients for tests: impatient ones.</summary>
internal static class Clients
{
    public static StentorClientOptions Options(params FakeServer[] servers) => new()
    {
        Addresses = [.. servers.Select(s => s.Address)],
        ReconnectDelayMin = TimeSpan.FromMilliseconds(1),
        ReconnectDelayMax = TimeSpan.FromMilliseconds(20),
    };

    public static StentorClient Of(params FakeServer[] servers) => new(Options(servers));

    /// <summary>A token as people read it: <c>asia-1:4 eu-1:12</c>.</summary>
    public static string Show(string token) => string.Join(' ', SeenToken.Decode(token).Select(c => $"{c.Key}:{c.Value}"));

    /// <summary>Opens a subscription and plays the server's part.</summary>
    public static async Task<FakeSocket> OpenAsync(this FakeServer server, Subscription subscription, string seen)
    {
        var opening = subscription.OpenAsync();
        var socket = await server.NextSocketAsync();
        var subscribe = await socket.ReceiveAsync("subscribe");
        await socket.OkAsync(subscribe, $"\"seen\":\"{seen}\"");
        await opening.WaitAsync(Patience.Long);
        return socket;
    }

    /// <summary>The next activities of a subscription; then it is left.</summary>
    public static async Task<List<ReceivedActivity>> TakeAsync(this IAsyncEnumerable<ReceivedActivity> activities, int count)
    {
        await using var items = activities.GetAsyncEnumerator();
        return await items.TakeAsync(count);
    }

    /// <summary>The next activities; the enumeration stays.</summary>
    public static async Task<List<ReceivedActivity>> TakeAsync(this IAsyncEnumerator<ReceivedActivity> items, int count)
    {
        var taken = new List<ReceivedActivity>();
        while (taken.Count < count && await items.MoveNextAsync().AsTask().WaitAsync(Patience.Long))
        {
            taken.Add(items.Current);
        }

        return taken;
    }
}
