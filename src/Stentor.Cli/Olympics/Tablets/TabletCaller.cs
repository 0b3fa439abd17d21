using System.Globalization;
using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>How a tablet calls the server: a server that is away for a while is noted once, on its own display and for all, and nothing ends by it.</summary>
/// <param name="call">Calls a procedure of the scoreboard's server, as <see cref="XmlRpcClient.CallAsync"/> does.</param>
/// <param name="display">The tablet's display.</param>
/// <param name="watch">Tells of the server for all tablets.</param>
internal sealed class TabletCaller(Func<string, IReadOnlyList<XmlRpcValue>, CancellationToken, Task<XmlRpcValue>> call, TabletDisplay display, ServerWatch watch)
{
    private bool _isAway;

    /// <summary>Calls the server. One call at a time.</summary>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">What it is called with.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The answer, a fault as a string that begins with <c>Error</c>; null when there is none.</returns>
    /// <exception cref="CommandException">The server does not speak XML-RPC.</exception>
    public async Task<XmlRpcValue?> CallAsync(string procedure, IReadOnlyList<XmlRpcValue> arguments, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await call(procedure, arguments, cancellationToken);
            OnAnswer();
            return answer;
        }
        catch (XmlRpcFaultException e)
        {
            OnAnswer();
            return new XmlRpcValue.Text(string.Create(CultureInfo.InvariantCulture, $"Error: fault {e.Code}: {e.Message}"));
        }
        catch (XmlRpcCallException e) when (e.Failure != CallFailure.NotXmlRpc)
        {
            watch.OnLost(e.Message);
            if (!_isAway)
            {
                display.Note($"The server is away: {e.Message}.");
            }

            _isAway = true;
            return null;
        }
        catch (XmlRpcCallException e)
        {
            throw new CommandException($"{e.Message}. Is it served there? (stentor serve --xml-rpc)");
        }
    }

    private void OnAnswer()
    {
        watch.OnAnswer();
        if (_isAway)
        {
            display.Note("The server answers again.");
        }

        _isAway = false;
    }
}
