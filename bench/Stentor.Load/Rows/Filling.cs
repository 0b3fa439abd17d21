using System.Text;
using Stentor.Load.Clients;
using Stentor.Load.Net;
using Stentor.Load.Servers;

namespace Stentor.Load.Rows;

/// <summary>Puts many entries into a node, as fast as it takes them.</summary>
internal static class Filling
{
    /// <summary>Below the node's limit of publishes in flight on a connection (8,192).</summary>
    private const int InFlight = 4000;
    private const int TimeoutSeconds = 900;

    /// <summary>Publishes and waits until all is acknowledged.</summary>
    /// <param name="settings">For its stop.</param>
    /// <param name="server">Where to.</param>
    /// <param name="entries">How many.</param>
    /// <param name="bytes">Size of an activity.</param>
    /// <param name="connectionCount">On how many connections; numbers are in order only on one.</param>
    /// <param name="channelOf">The channel of the n-th.</param>
    /// <returns>The last outcome that the node sent on each connection.</returns>
    public static string[] Fill(Settings settings, StentorServer server, long entries, int bytes, int connectionCount, Func<long, string> channelOf)
    {
        using var loop = new EventLoop(settings.Stop);
        var tally = new Tally();
        var connections = loop.Connect(connectionCount, _ => server.OpenPublisher(tally));
        var activity = new LoadActivity(bytes);
        var published = 0L;
        foreach (var connection in connections)
        {
            var own = 0L;
            connection.AfterInput = Refill;
            Refill(connection);
            loop.Flush(connection);

            void Refill(Connection c)
            {
                for (; own - c.Acks < InFlight && published < entries; own++)
                {
                    c.Publish(Encoding.ASCII.GetBytes(channelOf(published)), activity.Make(published, 0));
                    published++;
                }
            }
        }

        loop.PollUntil(() => tally.Acks >= entries, TimeoutSeconds, () => $"{tally.Acks:#,0} of {entries:#,0} entries were acknowledged");

        // One more on each connection: its outcome is the newest of that connection.
        return [.. connections.Cast<StentorConnection>().Select(c =>
        {
            c.KeepsOutcome = true;
            c.Publish("load.last"u8, activity.Make(0, 0));
            loop.Flush(c);
            loop.PollUntil(() => c.LastOutcome is not null, 10, () => "No outcome came");
            return c.LastOutcome!; // Waited for above.
        })];
    }
}
