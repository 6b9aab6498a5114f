#include "credence/cli/cli.h"
#include "main/commands.h"

int main(int argc, char** argv) {
  namespace server = credence::server;
  return credence::cli::Main(argc, argv,
                             {
                                 server::RegisterInit,
                                 server::RegisterServe,
                                 server::RegisterRebuild,
                                 server::RegisterExport,
                                 server::RegisterVerify,
                                 server::RegisterFsck,
                                 server::RegisterLedgerFiles,
                                 server::RegisterSalvage,
                                 server::RegisterBackup,
                                 server::RegisterWitness,
                                 server::RegisterNetworkFiles,
                                 server::RegisterImportNetworks,
                                 server::RegisterScoreFile,
                                 server::RegisterToken,
                             });
}
