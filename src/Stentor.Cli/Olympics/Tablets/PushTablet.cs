using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>A tablet that registers with the server for what it wants, and is then called.</summary>
/// <param name="wish">What it wants.</param>
/// <param name="display">Where it shows it.</param>
/// <param name="caller">How it registers.</param>
/// <param name="time">The clock.</param>
internal sealed class PushTablet(TabletWish wish, TabletDisplay display, TabletCaller caller, TimeProvider time)
{
    /// <summary>How often it registers: a server that has dropped it, or lost its memory, knows it again after so long.</summary>
    public static readonly TimeSpan RegisterInterval = TimeSpan.FromSeconds(10);

    // Soon, so that little is missed; a call a second costs a server that comes up nothing.
    private static readonly TimeSpan AwayInterval = TimeSpan.FromSeconds(1);

    private string _said = "";

    /// <summary>Registers, again and again, until it is asked to end.</summary>
    /// <param name="host">The host that the server is to call back.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    public async Task RunAsync(string host, CancellationToken cancellationToken)
    {
        display.Note($"push wants {wish}");
        XmlRpcValue[] arguments = [new XmlRpcValue.List([new XmlRpcValue.Text(host), new XmlRpcValue.Whole(display.Port)]), TabletWish.Argument(wish.Events), TabletWish.Argument(wish.Teams)];
        while (true)
        {
            var answer = await caller.CallAsync("register_client", arguments, cancellationToken);
            if (answer is not null)
            {
                OnRegistered(answer);
            }

            await Task.Delay(answer is null ? AwayInterval : RegisterInterval, time, cancellationToken);
        }
    }

    /// <summary>What the server calls it with.</summary>
    /// <param name="call">The call.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="XmlRpcFaultException">It is not a call that a tablet takes.</exception>
    public XmlRpcValue Take(XmlRpcCall call)
    {
        var kind = call.Method switch
        {
            "print_score_for_event" => "score",
            "print_medal_tally_for_team" => "tally",
            _ => throw new XmlRpcFaultException(XmlRpcFaultException.NoMethod, $"'{Protocol.Printable.Cut(call.Method)}' is not a method: print_score_for_event or print_medal_tally_for_team."),
        };
        if (call.Arguments.Count != 2)
        {
            throw new XmlRpcFaultException(XmlRpcFaultException.BadValue, $"{call.Method} takes 2 arguments, the {kind} and the time of the update, and not {call.Arguments.Count}.");
        }

        var made = call.Arguments[1] switch
        {
            XmlRpcValue.Real real => real.Value,
            XmlRpcValue.Whole whole => whole.Value,
            var other => throw new XmlRpcFaultException(XmlRpcFaultException.BadValue, $"The time of an update is a double, seconds since 1970, and not {other.Kind}."),
        };
        var age = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds - made;
        display.Show($"push {kind}", ShownValue.Of(call.Arguments[0]), TimeSpan.FromSeconds(Math.Clamp(age, -1e9, 1e9))); // Whatever the other side says, it is a number.
        return new XmlRpcValue.Truth(true);
    }

    private void OnRegistered(XmlRpcValue answer)
    {
        var said = ShownValue.IsError(answer) ? ShownValue.Of(answer) : "";
        if (said != _said && said.Length > 0)
        {
            display.Note($"register: {said}");
        }

        _said = said;
    }
}
